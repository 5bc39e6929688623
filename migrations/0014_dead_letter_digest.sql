-- A topic that was made anew has other messages in the places of the old ones: a dead letter is known by its place and by what it says.
alter table dead_letter add column message_digest uuid;
comment on column dead_letter.message_digest is 'Made of key, headers and body; null for letters from before there was one.';
alter table dead_letter drop constraint uq_dead_letter_message;
alter table dead_letter add constraint uq_dead_letter_message
    unique (tenant_id, consumer_group, topic, partition, message_offset, message_digest);
