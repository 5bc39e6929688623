-- Word from inventories: each notice is taken for a hint once, and a hint is not lost to a call that is open when it comes.

create table webhook_notice (
    tenant_id uuid not null,
    source_system text not null,
    webhook_id text not null,
    reservation_id uuid not null references reservation (reservation_id),
    received_at timestamptz not null,
    constraint webhook_notice_pkey primary key (tenant_id, source_system, webhook_id, reservation_id)
);
comment on table webhook_notice is 'The inbox of notices: which message of an inventory has made which reservation due. A repeat of it does not do so again.';
comment on column webhook_notice.webhook_id is 'The sender''s id of the message, the same in every attempt to deliver it.';
create index webhook_notice_received on webhook_notice (received_at);

alter table webhook_notice enable row level security;
alter table webhook_notice force row level security;
create policy webhook_notice_tenant on webhook_notice
    using (tenant_id = any ((select holdfast_tenants())::uuid[]))
    with check (tenant_id = any ((select holdfast_tenants())::uuid[]));
grant select, insert, delete on webhook_notice to holdfast_runtime;

alter table reservation add column noticed_epoch bigint;
comment on column reservation.noticed_epoch is
    'The epoch that the row had when its inventory sent word of it; an answer to a call under a later epoch has seen what the word was of. Null when there is nothing to follow up.';

-- Notices name holds as the inventory does.
create index reservation_reference on reservation (source_system, external_reservation_ref) where external_reservation_ref is not null;
