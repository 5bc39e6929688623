-- What no machine can find out: the questions that are put to humans, and what they said.

create table fallout_case (
    case_id uuid primary key,
    tenant_id uuid not null,
    reservation_id uuid not null references reservation (reservation_id),
    order_id uuid not null,
    question text not null,
    why text,
    opened_at timestamptz not null,
    asked_in text,
    given_up_at timestamptz,
    closed_at timestamptz,
    outcome text,
    closed_by text,
    withdrawn_at timestamptz,
    constraint ck_fallout_case_question check (question in ('RESERVE', 'RELEASE', 'CONFIRM', 'EXTEND')),
    constraint ck_fallout_case_closed check ((closed_at is null) = (outcome is null) and (closed_at is null) = (closed_by is null))
);
comment on table fallout_case is 'A question to a human: what became of this call? Open as long as its outcome is, closed by whatever finds out.';
comment on column fallout_case.why is 'Why it could not be found out, as the last look said.';
comment on column fallout_case.asked_in is 'The process instance in which a user task asks; its question is withdrawn once the case is closed.';
comment on column fallout_case.given_up_at is 'A human chose not to wait. The case stays open, because something may still be held.';
comment on column fallout_case.outcome is 'The state that the reservation was in when its outcome was known.';
comment on column fallout_case.withdrawn_at is 'When the question in asked_in was withdrawn, or was found to be over.';
create unique index one_open_fallout_case on fallout_case (reservation_id) where closed_at is null;
create index fallout_case_reservation on fallout_case (reservation_id);
create index fallout_case_to_withdraw on fallout_case (closed_at) where closed_at is not null and withdrawn_at is null and asked_in is not null;

create table fallout_decision (
    decision_id uuid primary key,
    tenant_id uuid not null,
    reservation_id uuid not null references reservation (reservation_id),
    case_id uuid references fallout_case (case_id),
    posted_as text not null,
    decision text not null,
    external_reservation_ref text,
    comment text,
    decided_by text not null,
    via text not null,
    decided_at timestamptz not null,
    reservation_status text not null,
    reservation_version bigint not null,
    refused_because text,
    constraint uq_fallout_decision_posted unique (tenant_id, posted_as),
    constraint ck_fallout_decision check (decision in ('HELD', 'NOT_HELD', 'ASK_AGAIN', 'GIVE_UP'))
);
comment on table fallout_decision is 'What a human said, word by word, whether it counted or not. What came of it is in reservation_transition.';
comment on column fallout_decision.posted_as is 'Makes the same word, delivered twice, one: the external task of the form, or an id made by whoever posts.';
comment on column fallout_decision.reservation_version is 'The version of the reservation that it was said of.';
create index fallout_decision_reservation on fallout_decision (reservation_id);

-- A task that was told is not forgotten: it is part of its reservation's story.
alter table engine_task add column ended_at timestamptz;
alter table engine_task add column ended_as text;
alter table engine_task add constraint ck_engine_task_ended check ((ended_at is null) = (ended_as is null));
comment on column engine_task.ended_at is 'When it stopped waiting; null while it waits.';
comment on column engine_task.ended_as is 'Why: it was told, it is gone, or its topic is no longer served.';
create index engine_task_waiting on engine_task (waiting_since) where ended_at is null;

do $$
declare
    name text;
begin
    foreach name in array array['fallout_case', 'fallout_decision'] loop
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

grant select, insert, update on fallout_case to holdfast_runtime;
grant select, insert on fallout_decision to holdfast_runtime;
