"""The history of a job is only ever appended: the database refuses to change it, and to delete it before its run."""

from django.db import migrations

FORBID = """
CREATE FUNCTION jobs_history_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'The history of a job is never changed: append to it.' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (SELECT FROM jobs_run WHERE id = OLD.run_id)
        OR (OLD.run_id IS NULL AND EXISTS (SELECT FROM jobs_job WHERE id = OLD.job_id)) THEN
        RAISE EXCEPTION 'The history of a job is deleted only together with its run.' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_history_unchanged BEFORE UPDATE ON jobs_statechange
    FOR EACH ROW EXECUTE FUNCTION jobs_history_is_kept();
-- When the transaction ends: the rows of a run are deleted before the run itself.
CREATE CONSTRAINT TRIGGER jobs_history_goes_with_its_run AFTER DELETE ON jobs_statechange
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION jobs_history_is_kept();
"""

ALLOW = """
DROP TRIGGER jobs_history_goes_with_its_run ON jobs_statechange;
DROP TRIGGER jobs_history_unchanged ON jobs_statechange;
DROP FUNCTION jobs_history_is_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_retransform")]

    operations = [migrations.RunSQL(FORBID, ALLOW)]
