from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0034_imports")]

    operations = [
        ops.RunSQL(
            [
                'CREATE INDEX project_import_fragment_id_idx ON public.project_import USING btree (fragment_id)',
                'CREATE INDEX project_import_due_at_id_part_idx ON public.project_import USING btree (due_at, id) WHERE (due_at IS NOT NULL)',
                'CREATE INDEX project_import_due_part_idx ON public.project_import USING btree (user_id) WHERE (due_at IS NOT NULL)',
                "ALTER TABLE public.project_import ADD CONSTRAINT project_import_outcome_check CHECK (outcome = ANY (ARRAY['SUCCEEDED'::text, 'FAILED'::text, 'CANCELED'::text, 'AWAITING_APPROVAL'::text]))",
            ]
        ),
    ]
