#!/bin/sh
# Makes the roles, their rights and the database, as apps/stack/services/postgres_roles.py does for the embedded
# database. The image runs it once, on an empty volume.
#
# etl_owner owns the tables and may create databases; etl_app only uses them. The rights are put into template1 first, so
# every database that is made from it has them.
set -eu

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname template1 <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD

-- These statements contain passwords, so they are not logged, even when they fail.
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET password_encryption = 'scram-sha-256';
CREATE ROLE etl_owner LOGIN CREATEDB PASSWORD :'owner_password';
CREATE ROLE etl_app LOGIN PASSWORD :'app_password';
RESET log_min_error_statement;
RESET log_statement;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO etl_owner;
GRANT USAGE ON SCHEMA public TO etl_app;
ALTER DEFAULT PRIVILEGES FOR ROLE etl_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO etl_app;
ALTER DEFAULT PRIVILEGES FOR ROLE etl_owner GRANT USAGE ON SEQUENCES TO etl_app;

CREATE DATABASE etl OWNER etl_owner;
REVOKE ALL ON DATABASE etl FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE etl TO etl_app;
SQL
