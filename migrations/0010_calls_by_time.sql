-- What a dead session had just done is found by time: calls are written in the order in which they are made.
create index supplier_call_started on supplier_call using brin (started_at);
