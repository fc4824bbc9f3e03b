from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0005_slow_operation")]

    operations = [
        ops.RunSQL(
            [
                "CREATE UNIQUE INDEX slow_operation_hash_name_key ON public.slow_operation USING btree (hash, name)",
                "CREATE INDEX slow_operation_last_seen_idx ON public.slow_operation USING btree (last_seen)",
            ]
        ),
    ]
