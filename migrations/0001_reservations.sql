-- The truth about holds: reservations, their lines, every call made for them, every move they made.
-- Runs as the owner of the schema; the daemon itself connects as a member of holdfast_runtime, which owns nothing.

do $$
begin
    if not exists (select from pg_roles where rolname = 'holdfast_runtime') then
        create role holdfast_runtime nologin nosuperuser nobypassrls;
    end if;
exception
    -- Another database of the same cluster is being migrated at this moment and was first.
    when duplicate_object or unique_violation then null;
end
$$;

grant usage on schema public to holdfast_runtime;

-- The tenants of the running transaction, set locally by the daemon. Unset, it is an error and not an empty list.
create function holdfast_tenants() returns uuid[]
    language sql stable
    as $$ select current_setting('holdfast.tenants')::uuid[] $$;

create table tenant (
    tenant_id uuid primary key,
    first_seen_at timestamptz not null
);
comment on table tenant is 'Which tenants there are, so that loops without a caller know whose rows to look at. Ids only.';

create table worker_session (
    session_id uuid primary key,
    worker_id text not null,
    host text not null,
    software_version text not null,
    started_at timestamptz not null,
    lease_until timestamptz not null,
    ended_at timestamptz,
    rescued_until timestamptz,
    constraint worker_session_worker_id_unique unique (worker_id)
);
comment on table worker_session is 'One row for each boot of the daemon. Claims live as long as its lease.';
comment on column worker_session.lease_until is 'By the database''s clock: the only clock that all replicas share.';
comment on column worker_session.rescued_until is 'Other replicas unlock at the engine what this dead session held, until then.';

create table reservation (
    reservation_id uuid primary key,
    tenant_id uuid not null,
    order_id uuid not null,
    reservation_step text not null,
    attempt_group integer not null,
    idempotency_key text not null,
    source_system text not null,
    request_hash bytea not null,
    hold_seconds bigint not null,
    customer_id text,
    location_id text,
    process_instance_id text,
    external_reservation_ref text,
    status text not null,
    reserved_at timestamptz,
    expires_at timestamptz,
    confirmed_at timestamptz,
    released_at timestamptz,
    last_reconciled_at timestamptz,
    rejection_code text,
    rejection_message text,
    pending_operation text,
    pending_until timestamptz,
    release_wanted boolean not null default false,
    absent_looks integer not null default 0,
    checks integer not null default 0,
    manual_since timestamptz,
    last_effect_at timestamptz,
    next_check_at timestamptz,
    claim_session uuid,
    claim_epoch bigint not null default 0,
    open_call_id uuid,
    open_call_operation text,
    event_sequence bigint not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    version bigint not null,
    constraint uq_reservation_idem unique (tenant_id, source_system, idempotency_key),
    constraint ck_reservation_status check (status in (
        'REQUESTED', 'RESERVED', 'REJECTED', 'UNKNOWN', 'CONFIRMED', 'RELEASE_REQUESTED', 'RELEASED', 'RELEASE_UNKNOWN', 'EXPIRED'
    )),
    constraint ck_reservation_attempt_group check (attempt_group >= 1),
    constraint ck_reservation_hold_seconds check (hold_seconds > 0),
    constraint ck_reservation_pending check (
        (pending_operation is null and pending_until is null)
        or (pending_operation = 'CONFIRM' and pending_until is null)
        or (pending_operation = 'EXTEND' and pending_until is not null)
    ),
    constraint ck_reservation_open_call check ((open_call_id is null) = (open_call_operation is null)),
    constraint ck_reservation_reserved check (status not in ('RESERVED', 'CONFIRMED') or (external_reservation_ref is not null and reserved_at is not null)),
    constraint ck_reservation_rejected check (status <> 'REJECTED' or rejection_code is not null)
);
comment on column reservation.request_hash is 'SHA-256 of what was asked for: the same key with another request is refused.';
comment on column reservation.process_instance_id is 'The engine''s process instance that asked, to find out whether the order still lives.';
comment on column reservation.pending_operation is 'A confirmation or extension whose outcome is open; the status stays as it is.';
comment on column reservation.release_wanted is 'The hold is to go as soon as it is known whether there is one.';
comment on column reservation.absent_looks is 'Look-ups in a row that showed nothing since the last effect was sent.';
comment on column reservation.last_effect_at is 'When the last call that could have acted was put on record.';
comment on column reservation.next_check_at is 'When the reconciler looks at the row; null when nothing is due.';
comment on column reservation.claim_session is 'Who works on the row right now; counts as long as that session''s lease does.';
comment on column reservation.claim_epoch is 'Counts the claims. A settlement under an older epoch changes nothing.';
comment on column reservation.open_call_id is 'A call that was started and has no end on record.';
comment on column reservation.event_sequence is 'Counts the facts told about this reservation, without gaps.';

-- At most one hold per order step, whatever the attempt group: the database's own word for the promise.
create unique index one_live_hold on reservation (tenant_id, order_id, reservation_step)
    where status in ('REQUESTED', 'UNKNOWN', 'RESERVED', 'CONFIRMED', 'RELEASE_REQUESTED', 'RELEASE_UNKNOWN');
create index reservation_due on reservation (next_check_at) where next_check_at is not null;

create table reservation_line (
    reservation_line_id uuid primary key,
    tenant_id uuid not null,
    reservation_id uuid not null references reservation (reservation_id),
    order_line_id uuid not null,
    product_offering_id text not null,
    location_id text,
    requested_quantity numeric(18, 6) not null,
    reserved_quantity numeric(18, 6),
    available_quantity numeric(18, 6),
    status text not null,
    explanation_code text,
    source_payload_json jsonb not null default '{}'::jsonb,
    constraint uq_reservation_line unique (reservation_id, order_line_id),
    constraint ck_reservation_line_status check (status in ('REQUESTED', 'RESERVED', 'PARTIAL', 'REJECTED')),
    constraint ck_reservation_line_requested check (requested_quantity > 0)
);

create table supplier_call (
    call_id uuid primary key,
    tenant_id uuid not null,
    reservation_id uuid references reservation (reservation_id),
    source_system text not null,
    operation text not null,
    sequence bigint not null,
    session_id uuid not null,
    started_at timestamptz not null,
    ended_at timestamptz,
    answer_class text,
    note text,
    http_status integer,
    evidence text,
    constraint ck_supplier_call_class check (answer_class in ('DONE', 'REFUSED', 'NOT_SENT', 'UNKNOWN')),
    constraint ck_supplier_call_ended check ((ended_at is null) = (answer_class is null))
);
comment on table supplier_call is 'Every call to an inventory, on record before it is made. A row that never ended means: nobody knows.';
comment on column supplier_call.sequence is 'The epoch of the claim under which the call was made.';
comment on column supplier_call.evidence is 'The beginning of the answer, redacted. Never what credentials were sent.';
create index supplier_call_reservation on supplier_call (reservation_id);

create table reservation_transition (
    transition_id bigint generated always as identity primary key,
    tenant_id uuid not null,
    reservation_id uuid not null references reservation (reservation_id),
    from_status text,
    to_status text not null,
    cause text not null,
    claim_epoch bigint not null,
    actor text not null,
    moved_at timestamptz not null
);
comment on table reservation_transition is 'Who moved what, when and why: the timeline.';
create index reservation_transition_reservation on reservation_transition (reservation_id);

create table engine_task (
    task_id text primary key,
    tenant_id uuid not null,
    reservation_id uuid not null references reservation (reservation_id),
    topic text not null,
    worker_id text not null,
    process_instance_id text not null,
    goal text not null,
    goal_until timestamptz,
    waiting_since timestamptz not null
);
comment on table engine_task is 'Which external task waits, in an incident, for which reservation to be found out.';
create index engine_task_reservation on engine_task (reservation_id);

create table availability_evidence (
    evidence_id uuid primary key,
    tenant_id uuid not null,
    source_system text not null,
    source_reference text,
    subject_type text not null,
    subject_id uuid not null,
    subject_revision integer,
    status text not null,
    checked_at timestamptz not null,
    expires_at timestamptz,
    explanation_code text,
    diagnostic_json jsonb not null default '{}'::jsonb,
    created_at timestamptz not null default now(),
    constraint ck_availability_status check (status in (
        'NOT_CHECKED', 'AVAILABLE', 'PARTIALLY_AVAILABLE', 'UNAVAILABLE', 'UNKNOWN', 'STALE'
    ))
);
create index availability_evidence_subject on availability_evidence (tenant_id, subject_type, subject_id, checked_at);

create table availability_evidence_line (
    evidence_line_id uuid primary key,
    tenant_id uuid not null,
    evidence_id uuid not null references availability_evidence (evidence_id),
    line_ref text not null,
    requested_quantity numeric(18, 6) not null,
    available_quantity numeric(18, 6),
    status text not null,
    explanation_code text,
    diagnostic_json jsonb not null default '{}'::jsonb
);
create index availability_evidence_line_evidence on availability_evidence_line (evidence_id);

create table outbox (
    outbox_id bigint generated always as identity primary key,
    event_id uuid not null,
    tenant_id uuid not null,
    event_type text not null,
    event_version integer not null,
    aggregate_type text not null,
    aggregate_id uuid not null,
    sequence bigint not null,
    order_id uuid,
    occurred_at timestamptz not null,
    correlation_id text not null,
    causation_id text not null,
    payload jsonb not null,
    constraint uq_outbox_sequence unique (aggregate_id, sequence)
);
comment on table outbox is 'Facts, written in the transaction that made them true; rows leave when they were told.';
comment on column outbox.sequence is 'Counts the facts of one aggregate, without gaps.';

do $$
declare
    name text;
begin
    foreach name in array array[
        'reservation', 'reservation_line', 'supplier_call', 'reservation_transition', 'engine_task',
        'availability_evidence', 'availability_evidence_line', 'outbox'
    ] loop
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

grant select, insert on tenant to holdfast_runtime;
grant select, insert, update, delete on worker_session to holdfast_runtime;
grant select, insert, update on reservation, reservation_line, supplier_call to holdfast_runtime;
grant select, insert on reservation_transition, availability_evidence, availability_evidence_line to holdfast_runtime;
grant select, insert, update, delete on engine_task to holdfast_runtime;
grant select, insert, delete on outbox to holdfast_runtime;
grant select on _sqlx_migrations to holdfast_runtime;
