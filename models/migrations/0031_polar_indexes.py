from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0030_polar")]

    operations = [
        ops.RunSQL(
            [
                "CREATE INDEX pending_subscription_external_id_part_idx ON public.pending_subscription USING btree (external_id) WHERE (status = 'pending'::text)",
                'CREATE INDEX subscription_lapses_at_part_idx ON public.subscription USING btree (lapses_at) WHERE (lapses_at IS NOT NULL)',
                "CREATE INDEX subscription_given_part_idx ON public.subscription USING btree (user_id) WHERE ((provider = 'manual'::text) AND (status = 'active'::text))",
                "CREATE INDEX webhook_event_failed_part_idx ON public.webhook_event USING btree (created_at, id) WHERE (status = 'failed'::text)",
                'CREATE INDEX webhook_event_try_at_part_idx ON public.webhook_event USING btree (try_at) WHERE (try_at IS NOT NULL)',
                "ALTER TABLE public.pending_subscription ADD CONSTRAINT pending_subscription_plan_tier_check CHECK (plan_tier = ANY (ARRAY['free'::text, 'pro'::text, 'unlimited'::text]))",
                "ALTER TABLE public.webhook_event ADD CONSTRAINT webhook_event_source_check CHECK (source = ANY (ARRAY['polar'::text, 'identity'::text]))",
            ]
        ),
    ]
