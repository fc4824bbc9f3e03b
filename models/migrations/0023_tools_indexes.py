from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0022_tools")]

    operations = [
        ops.RunSQL(
            [
                'ALTER TABLE public.generation DROP CONSTRAINT generation_state_check',
                "CREATE INDEX generation_awaiting_part_idx ON public.generation USING btree (user_id) WHERE (state = 'AWAITING_APPROVAL'::text)",
                'CREATE UNIQUE INDEX tool_call_message_id_number_key ON public.tool_call USING btree (message_id, number)',
                "CREATE INDEX tool_call_expires_at_part_idx ON public.tool_call USING btree (expires_at) WHERE (state = 'AWAITING_APPROVAL'::text)",
                "ALTER TABLE public.generation ADD CONSTRAINT generation_state_check CHECK (state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text, 'AWAITING_APPROVAL'::text, 'DONE'::text]))",
                "ALTER TABLE public.tool_call ADD CONSTRAINT tool_call_state_check CHECK (state = ANY (ARRAY['AWAITING_APPROVAL'::text, 'READY'::text, 'DENIED'::text, 'SUCCEEDED'::text, 'FAILED'::text, 'CANCELED'::text]))",
            ]
        ),
    ]
