-- A slow engine may lock tasks for a dead client long after its death: it is looked for these locks for longer, and by one replica at a time.
alter table worker_session add column swept_at timestamptz;
comment on column worker_session.swept_at is 'When a replica last looked for locks that the engine keeps for this dead session.';
