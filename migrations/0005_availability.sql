-- Evidence that can be found by its question, asked again from its own row, and read without its source.

alter table availability_evidence
    add column fingerprint bytea,
    add column customer_id text,
    add column location_id text,
    add column channel text,
    add column request_id text,
    add column recheck_after timestamptz,
    add column copied_from uuid,
    add constraint ck_availability_subject check (subject_type in ('ORDER', 'QUOTE', 'OPERATIONAL')),
    add constraint ck_availability_revision check ((subject_type = 'QUOTE') = (subject_revision is not null)),
    add constraint ck_availability_fingerprint check (octet_length(fingerprint) = 32);
comment on column availability_evidence.fingerprint is 'SHA-256 over tenant, source, lines, customer, location and channel: equal questions have equal ones.';
comment on column availability_evidence.customer_id is 'The customer that was asked for.';
comment on column availability_evidence.location_id is 'The place that was asked for, where a line has none of its own.';
comment on column availability_evidence.channel is 'The sales channel that was asked for.';
comment on column availability_evidence.request_id is 'Who asked, by their own name for the request.';
comment on column availability_evidence.recheck_after is 'Where nothing is known: from when on asking again makes sense.';
comment on column availability_evidence.copied_from is 'The evidence of the same answer that was given for another subject.';
comment on column availability_evidence.checked_at is 'When the inventory was asked; a copy keeps the time of its original.';
comment on column availability_evidence.expires_at is 'From when on it may no longer be used.';

-- The newest answer to a question.
create index availability_evidence_fingerprint on availability_evidence (tenant_id, fingerprint, checked_at desc);

alter table availability_evidence_line
    add column position integer not null default 0,
    add column product_offering_id text not null default '',
    add column location_id text,
    add column offered_location_id text,
    add column available_from timestamptz,
    add column alternate text;
comment on column availability_evidence_line.line_ref is 'The line of the quote or order.';
comment on column availability_evidence_line.position is 'The order in which the lines were asked about.';
comment on column availability_evidence_line.location_id is 'Where it was asked for.';
comment on column availability_evidence_line.offered_location_id is 'The place that it would come from, as far as the inventory says so.';
comment on column availability_evidence_line.available_from is 'From when on it can be had, as far as the inventory says so.';
comment on column availability_evidence_line.alternate is 'What could be had instead, as far as the inventory says so.';
