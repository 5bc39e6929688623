-- Inventory events in: what was taken in, how far, what customers have by it, and what could not be used.
-- And what is needed to tell once that evidence has expired, and to prune in small steps.

create table inbox (
    tenant_id uuid not null,
    source_system text not null,
    event_id text not null,
    received_at timestamptz not null,
    constraint inbox_pkey primary key (tenant_id, source_system, event_id)
);
comment on table inbox is 'Events that were taken in, so that none is taken in twice. Rows are pruned by age; the stamps of the projection need none of them.';
comment on column inbox.event_id is 'What the source calls the event; the same however often it is delivered.';
create index inbox_received on inbox (received_at);

create table consumer_offset (
    consumer_group text not null,
    topic text not null,
    partition integer not null,
    next_offset bigint not null,
    attempts integer not null default 0,
    read_to_end_at timestamptz,
    updated_at timestamptz not null,
    constraint consumer_offset_pkey primary key (consumer_group, topic, partition),
    constraint ck_consumer_offset_next check (next_offset >= 0),
    constraint ck_consumer_offset_attempts check (attempts >= 0)
);
comment on table consumer_offset is 'How far each partition was taken in. This is the truth; what the broker has is a hint. No tenant''s data.';
comment on column consumer_offset.next_offset is 'The first message that was not taken in. Whoever moves it on must know where it stands.';
comment on column consumer_offset.attempts is 'How often work on that message was begun; on record before the message is looked at.';
comment on column consumer_offset.read_to_end_at is 'When nothing more was waiting in the partition, the last time that somebody looked.';

create table customer_product_projection (
    tenant_id uuid not null,
    customer_product_id text not null,
    customer_id text not null,
    product_offering_id text not null,
    product_spec_id text,
    status text not null,
    activation_date timestamptz,
    termination_date timestamptz,
    source_system text not null,
    source_version text,
    last_source_event_at timestamptz,
    payload_json jsonb not null default '{}'::jsonb,
    stamps_json jsonb not null,
    event_sequence bigint not null,
    updated_at timestamptz not null,
    constraint customer_product_projection_pkey primary key (tenant_id, customer_product_id)
);
comment on table customer_product_projection is 'What customers have, by what the inventory told. A read model, as old as the events are; never the authority.';
comment on column customer_product_projection.last_source_event_at is 'The newest event that was heard of the product, by the source''s clock.';
comment on column customer_product_projection.payload_json is 'Every member of the product as it was last sent, also those that nobody here reads.';
comment on column customer_product_projection.stamps_json is 'Which event each member was last heard from, so that a late event takes nothing back.';
comment on column customer_product_projection.event_sequence is 'Counts the facts told about this product, without gaps.';
create index ix_customer_product_projection_customer on customer_product_projection (tenant_id, customer_id, status);

create table customer_product_incomplete (
    tenant_id uuid not null,
    customer_product_id text not null,
    customer_id text,
    product_offering_id text,
    product_spec_id text,
    status text,
    activation_date timestamptz,
    termination_date timestamptz,
    source_system text not null,
    source_version text,
    last_source_event_at timestamptz,
    payload_json jsonb not null,
    stamps_json jsonb not null,
    updated_at timestamptz not null,
    constraint customer_product_incomplete_pkey primary key (tenant_id, customer_product_id)
);
comment on table customer_product_incomplete is 'Products of which customer, offering or status is not known yet, because a later event arrived first. They move on when it is.';

create table dead_letter (
    dead_letter_id uuid not null,
    tenant_id uuid not null,
    consumer_group text not null,
    topic text not null,
    partition integer not null,
    message_offset bigint not null,
    message_key bytea,
    headers_json jsonb not null,
    message bytea,
    message_bytes bigint not null,
    event_id text,
    reason_code text not null,
    reason text not null,
    attempts integer not null,
    died_at timestamptz not null,
    retried_at timestamptz,
    retry_outcome text,
    constraint dead_letter_pkey primary key (dead_letter_id),
    constraint uq_dead_letter_message unique (tenant_id, consumer_group, topic, partition, message_offset),
    constraint ck_dead_letter_retried check ((retried_at is null) = (retry_outcome is null))
);
comment on table dead_letter is 'Messages that could not be used, with the reason; written in the transaction that moved the partition past them.';
comment on column dead_letter.tenant_id is 'Whose it is; all zeros where that could not be read or is nobody who is served.';
comment on column dead_letter.message is 'The message as it came; nothing where it had no body or was too long to keep.';
create index dead_letter_died on dead_letter (died_at);

do $$
declare
    name text;
begin
    foreach name in array array['inbox', 'customer_product_projection', 'customer_product_incomplete', 'dead_letter'] loop
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

grant select, insert, delete on inbox to holdfast_runtime;
grant select, insert, update on consumer_offset, customer_product_projection to holdfast_runtime;
grant select, insert, update, delete on customer_product_incomplete, dead_letter to holdfast_runtime;

-- The rows that are there already count as told: nobody heard of them either. A default needs no rewrite, and no tenant.
alter table availability_evidence add column expiry_told_at timestamptz default '-infinity';
alter table availability_evidence alter column expiry_told_at drop default;
comment on column availability_evidence.expiry_told_at is 'When the fact was told that this evidence has expired; nothing before that.';
create index availability_evidence_expiring on availability_evidence (expires_at) where expiry_told_at is null and expires_at is not null;
grant update (expiry_told_at) on availability_evidence to holdfast_runtime;

-- What inventories answered is kept for a while; that they were asked, and what came of it, stays.
create index supplier_call_with_evidence on supplier_call (ended_at) where evidence is not null;
