from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0032_connections")]

    operations = [
        ops.RunSQL(
            [
                'CREATE INDEX oauth_revocation_due_at_idx ON public.oauth_revocation USING btree (due_at)',
                "ALTER TABLE public.oauth_revocation ADD CONSTRAINT oauth_revocation_provider_check CHECK (provider = ANY (ARRAY['figma'::text, 'github'::text]))",
            ]
        ),
    ]
