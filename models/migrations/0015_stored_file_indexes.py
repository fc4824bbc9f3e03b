from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0014_stored_files")]

    operations = [
        ops.RunSQL(
            [
                'CREATE UNIQUE INDEX stored_file_storage_key_key ON public.stored_file USING btree (storage_key)',
                'CREATE INDEX stored_file_owner_id_created_at_id_idx ON public.stored_file USING btree (owner_id, created_at, id)',
                'CREATE INDEX stored_file_due_at_part_idx ON public.stored_file USING btree (due_at) WHERE (due_at IS NOT NULL)',
                'CREATE INDEX user_account_avatar_file_id_idx ON public.user_account USING btree (avatar_file_id)',
                "COMMENT ON COLUMN public.user_account.avatar_file_id IS 'Id of their own picture.'",
                "ALTER TABLE public.stored_file ADD CONSTRAINT stored_file_purpose_check CHECK (purpose = ANY (ARRAY['attachment'::text, 'avatar'::text]))",
                "ALTER TABLE public.stored_file ADD CONSTRAINT stored_file_state_check CHECK (state = ANY (ARRAY['pending'::text, 'ready'::text]))",
            ]
        ),
    ]
