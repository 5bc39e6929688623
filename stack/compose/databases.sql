-- Run once by the postgres image: the engine's database and its role. The daemon's own is made by `migrate --create`.
create role camunda login password 'camunda';
create database camunda owner camunda;
revoke all on database camunda from public;
