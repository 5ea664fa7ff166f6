-- What compose.yaml's database runs once, as its superuser, on an empty volume.
--
-- thoraq's role owns its database and may do nothing beyond it: neither read the server's files nor
-- run programs on it, which a superuser may.
\getenv password POSTGRES_PASSWORD
CREATE ROLE thoraq LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'password';
CREATE DATABASE thoraq OWNER thoraq;
REVOKE ALL ON DATABASE thoraq FROM PUBLIC;
-- It has the same password by now; without one, only the container itself lets it in.
ALTER ROLE CURRENT_USER PASSWORD NULL;
