from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0024_deletions")]

    operations = [
        ops.RunSQL(
            [
                'CREATE INDEX deletion_job_owner_id_idx ON public.deletion_job USING btree (owner_id)',
                "CREATE INDEX deletion_job_owner_id_created_at_id_part_idx ON public.deletion_job USING btree (owner_id, created_at, id) WHERE (state <> 'complete'::text)",
                "ALTER TABLE public.deletion_job ADD CONSTRAINT deletion_job_kind_check CHECK (kind = ANY (ARRAY['project'::text, 'conversation'::text, 'cleared'::text, 'message'::text, 'org'::text, 'user'::text]))",
            ]
        ),
    ]
