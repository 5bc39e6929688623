-- What the API remembers: requests that must not be carried out twice, and commands that must be carried out.

create table idempotency_record (
    tenant_id uuid not null,
    operation text not null,
    idempotency_key text not null,
    record_id uuid not null,
    fingerprint bytea not null,
    attempt bigint not null,
    session_id uuid,
    busy_until timestamptz not null,
    answer_status integer,
    answer_headers jsonb,
    answer_body text,
    created_at timestamptz not null,
    finished_at timestamptz,
    expires_at timestamptz not null,
    constraint idempotency_record_pkey primary key (tenant_id, operation, idempotency_key),
    constraint ck_idempotency_answered check (
        (answer_status is null) = (finished_at is null)
        and (answer_status is null) = (answer_headers is null)
        and (answer_status is null) = (answer_body is null)
    ),
    constraint ck_idempotency_key_length check (length(idempotency_key) between 1 and 255)
);
comment on table idempotency_record is 'One row for each Idempotency-Key of a tenant and an operation, written before the work begins.';
comment on column idempotency_record.record_id is 'Stays the same however often the work is begun anew: what the work makes is named by it.';
comment on column idempotency_record.fingerprint is 'SHA-256 of path and canonical body: the same key with another request is refused.';
comment on column idempotency_record.attempt is 'Counts the beginnings. An answer under an older one changes nothing.';
comment on column idempotency_record.session_id is 'Who works on it; counts as long as that session''s lease does, and not beyond busy_until.';
create index idempotency_record_expiry on idempotency_record (expires_at);

create table engine_command (
    command_id uuid primary key,
    tenant_id uuid not null,
    kind text not null,
    order_id uuid not null,
    reservation_id uuid references reservation (reservation_id),
    reservation_step text,
    attempt_group integer,
    request_hash bytea not null,
    payload jsonb not null,
    if_version bigint,
    requested_by text not null,
    state text not null,
    attempts integer not null default 0,
    next_attempt_at timestamptz not null,
    claim_session uuid,
    claim_epoch bigint not null default 0,
    process_instance_id text,
    outcome text,
    detail text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    finished_at timestamptz,
    constraint ck_engine_command_kind check (kind in ('START_ORDER', 'RELEASE', 'CONFIRM', 'EXTEND')),
    constraint ck_engine_command_state check (state in ('PENDING', 'DONE', 'REFUSED')),
    constraint ck_engine_command_start check ((kind = 'START_ORDER') = (reservation_step is not null and attempt_group is not null)),
    constraint ck_engine_command_about check ((kind = 'START_ORDER') = (reservation_id is null)),
    constraint ck_engine_command_finished check ((state = 'PENDING') = (finished_at is null) and (state = 'PENDING' or outcome is not null))
);
comment on table engine_command is 'What was promised with 202 and must be carried out, however often the daemon dies meanwhile.';
comment on column engine_command.next_attempt_at is 'When it is tried next, while it is pending.';
comment on column engine_command.claim_session is 'Who carries it out; counts as long as that session''s lease does.';
comment on column engine_command.claim_epoch is 'Counts the claims. What is settled under an older one changes nothing.';
comment on column engine_command.if_version is 'Only if the reservation still is at this version.';

-- An order step is started once for each attempt group, whoever asks under whatever key.
create unique index one_start on engine_command (tenant_id, order_id, reservation_step, attempt_group)
    where kind = 'START_ORDER' and state <> 'REFUSED';
create index engine_command_due on engine_command (next_attempt_at) where state = 'PENDING';

-- The reservations of an order, page by page. Their ids grow with time.
create index reservation_order on reservation (tenant_id, order_id, reservation_id);

do $$
declare
    name text;
begin
    foreach name in array array['idempotency_record', 'engine_command'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy %I on %I using (tenant_id = any ((select holdfast_tenants())::uuid[])) '
            'with check (tenant_id = any ((select holdfast_tenants())::uuid[]))',
            name || '_tenant', name
        );
    end loop;
end
$$;

grant select, insert, update, delete on idempotency_record to holdfast_runtime;
grant select, insert, update on engine_command to holdfast_runtime;
