from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0020_limits")]

    operations = [
        ops.RunSQL(
            [
                'CREATE UNIQUE INDEX anonymous_usage_anonymous_id_key ON public.anonymous_usage USING btree (anonymous_id)',
                'CREATE INDEX anonymous_usage_daily_reset_idx ON public.anonymous_usage USING btree (daily_reset)',
                'CREATE INDEX anonymous_usage_created_at_id_idx ON public.anonymous_usage USING btree (created_at, id)',
                'CREATE INDEX attachment_stored_file_id_idx ON public.attachment USING btree (stored_file_id)',
                "COMMENT ON COLUMN public.attachment.stored_file_id IS 'Id of the upload it shows.'",
                'ALTER TABLE public.attachment ADD CONSTRAINT attachment_source_check CHECK ((url IS NULL) <> (stored_file_id IS NULL))',
            ]
        ),
    ]
