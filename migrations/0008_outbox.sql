-- The way out: which relay sends which facts, facts for another topic, and facts that no broker takes.

-- The last byte of a version 4, 5 or 7 UUID is as good as random, and no release of PostgreSQL can change what it is.
alter table outbox add column shard smallint not null generated always as ((get_byte(uuid_send(aggregate_id), 15) % 16)::smallint) stored;
alter table outbox add column topic text;
alter table outbox add column replayed_at timestamptz;
comment on column outbox.shard is 'Facts of one aggregate are in one shard, and a shard has one owner: that keeps their order.';
comment on column outbox.topic is 'The topic, where it is not the configured one.';
comment on column outbox.replayed_at is 'When somebody asked for this fact to be told again; null for a fact on its first way.';
create index outbox_shard_order on outbox (shard, outbox_id);

-- Rows live for milliseconds: what they leave behind is swept up often and in small amounts.
alter table outbox set (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000
);

create table outbox_relay (
    session_id uuid primary key references worker_session (session_id) on delete cascade
);
comment on table outbox_relay is 'The sessions that send facts; the shards are divided among those that live.';

create table outbox_shard (
    shard smallint primary key,
    owner_session uuid,
    epoch bigint not null default 0
);
comment on table outbox_shard is 'Who sends the facts of a shard. Owned as long as the owner''s session lives.';
comment on column outbox_shard.epoch is 'Counts the owners. Facts taken away under an older epoch stay where they are.';
insert into outbox_shard (shard) select generate_series(0, 15);

create table outbox_set_aside (
    event_id uuid primary key,
    tenant_id uuid not null,
    aggregate_id uuid not null,
    reason text not null,
    size_bytes bigint not null,
    set_aside_at timestamptz not null
);
comment on table outbox_set_aside is 'Facts that the broker will never take as they are. They and what follows of their aggregate wait in the outbox for a human.';
create index outbox_set_aside_aggregate on outbox_set_aside (aggregate_id);

alter table outbox_set_aside enable row level security;
alter table outbox_set_aside force row level security;
create policy outbox_set_aside_tenant on outbox_set_aside
    using (tenant_id = any ((select holdfast_tenants())::uuid[]))
    with check (tenant_id = any ((select holdfast_tenants())::uuid[]));

grant select, insert, delete on outbox_relay to holdfast_runtime;
grant select, update on outbox_shard to holdfast_runtime;
grant select, insert, delete on outbox_set_aside to holdfast_runtime;
grant select on sequence outbox_outbox_id_seq to holdfast_runtime;
