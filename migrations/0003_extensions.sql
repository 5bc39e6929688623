-- Holds are extended by themselves only so often.

alter table reservation add column extensions integer not null default 0;
alter table reservation add constraint ck_reservation_extensions check (extensions >= 0);
comment on column reservation.extensions is 'How often an extension was sent, whoever asked for it.';
