-- Run once by the postgres image: the engine's database and holdfast's, each owned by a role of its own.
create role camunda login password 'camunda';
create database camunda owner camunda;
revoke all on database camunda from public;

create role holdfast login password 'holdfast';
create database holdfast owner holdfast;
revoke all on database holdfast from public;
