-- How long something is not known is counted from the first loss: an effect that is sent again moves last_effect_at.
alter table reservation add column unknown_since timestamptz;
comment on column reservation.unknown_since is 'Since when an outcome is not known, however often it was asked or sent again meanwhile; null while nothing is open.';
