from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0010_user_keys")]

    operations = [
        ops.RunSQL(
            [
                'CREATE UNIQUE INDEX user_key_user_id_provider_key ON public.user_key USING btree (user_id, provider)',
                "ALTER TABLE public.message ADD CONSTRAINT message_error_code_check CHECK (error_code = ANY (ARRAY['KEY_REFUSED'::text, 'KEY_MISSING'::text]))",
                "ALTER TABLE public.user_key ADD CONSTRAINT user_key_mode_check CHECK (mode = ANY (ARRAY['priority'::text, 'fallback'::text]))",
            ]
        ),
    ]
