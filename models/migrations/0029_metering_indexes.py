from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0028_metering")]

    operations = [
        ops.RunSQL(
            [
                'CREATE INDEX invoice_owner_id_billing_period_id_idx ON public.invoice USING btree (owner_id, billing_period, id)',
                'CREATE UNIQUE INDEX invoice_org_id_billing_period_key ON public.invoice USING btree (org_id, billing_period)',
                "CREATE INDEX invoice_billing_period_id_part_idx ON public.invoice USING btree (billing_period, id) WHERE (status = 'open'::text)",
                'CREATE INDEX usage_event_owner_id_created_at_id_idx ON public.usage_event USING btree (owner_id, created_at, id)',
                'CREATE INDEX usage_event_billing_period_owner_id_idx ON public.usage_event USING btree (billing_period, owner_id)',
                'CREATE INDEX usage_event_billing_period_agent_id_idx ON public.usage_event USING btree (billing_period, agent_id)',
                'CREATE INDEX usage_event_user_id_created_at_id_idx ON public.usage_event USING btree (user_id, created_at, id)',
                "ALTER TABLE public.invoice ADD CONSTRAINT invoice_status_check CHECK (status = ANY (ARRAY['open'::text, 'issued'::text, 'paid'::text, 'void'::text]))",
                "ALTER TABLE public.usage_event ADD CONSTRAINT usage_event_metric_check CHECK (metric = ANY (ARRAY['ai_tokens'::text, 'ai_requests'::text, 'documents'::text, 'storage_bytes'::text]))",
            ]
        ),
    ]
