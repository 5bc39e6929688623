-- Evidence of availability is kept for a time that is configured, and found by its age.
create index availability_evidence_checked on availability_evidence (checked_at);
grant delete on availability_evidence, availability_evidence_line to holdfast_runtime;
