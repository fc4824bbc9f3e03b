from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0003_billing_imports_operators")]

    operations = [
        ops.RunSQL(
            [
                "DROP INDEX public.agent_run_project_id_created_at_id_part_idx",
                "DROP INDEX public.agent_run_lease_until_part_idx",
                "DROP INDEX public.agent_run_updated_at_part_idx",
                "CREATE INDEX agent_run_project_id_created_at_id_part_idx ON public.agent_run USING btree (project_id, created_at, id) WHERE ((status = 'PENDING'::text) AND (held_at IS NULL))",
                "CREATE INDEX agent_run_lease_until_part_idx ON public.agent_run USING btree (lease_until) WHERE ((status = 'RUNNING'::text) AND (run_source = 'WEBCONTAINER'::text) AND (held_at IS NULL))",
                "CREATE INDEX agent_run_updated_at_part_idx ON public.agent_run USING btree (updated_at) WHERE ((status = 'PENDING'::text) AND (run_source = 'WEBCONTAINER'::text) AND (held_at IS NULL))",
                "CREATE INDEX project_import_user_id_created_at_id_idx ON public.project_import USING btree (user_id, created_at, id)",
                "CREATE INDEX project_import_project_id_created_at_id_idx ON public.project_import USING btree (project_id, created_at, id)",
                "CREATE INDEX project_import_message_id_idx ON public.project_import USING btree (message_id)",
                "CREATE INDEX project_import_status_idx ON public.project_import USING btree (status)",
                "CREATE UNIQUE INDEX oauth_connection_user_id_provider_key ON public.oauth_connection USING btree (user_id, provider)",
                "CREATE INDEX pending_subscription_polar_subscription_id_idx ON public.pending_subscription USING btree (polar_subscription_id)",
                "CREATE INDEX pending_subscription_customer_id_idx ON public.pending_subscription USING btree (customer_id)",
                "CREATE INDEX pending_subscription_status_idx ON public.pending_subscription USING btree (status)",
                "CREATE INDEX pending_subscription_created_at_id_idx ON public.pending_subscription USING btree (created_at, id)",
                "CREATE INDEX polar_customer_user_id_created_at_id_idx ON public.polar_customer USING btree (user_id, created_at, id)",
                "CREATE UNIQUE INDEX polar_customer_polar_customer_id_key ON public.polar_customer USING btree (polar_customer_id)",
                "CREATE UNIQUE INDEX rate_limit_key_key ON public.rate_limit USING btree (key)",
                "CREATE INDEX rate_limit_window_start_id_idx ON public.rate_limit USING btree (window_start, id)",
                "CREATE INDEX subscription_user_id_created_at_id_idx ON public.subscription USING btree (user_id, created_at, id)",
                "CREATE UNIQUE INDEX subscription_polar_subscription_id_key ON public.subscription USING btree (polar_subscription_id)",
                "CREATE INDEX subscription_customer_id_idx ON public.subscription USING btree (customer_id)",
                "CREATE INDEX subscription_status_idx ON public.subscription USING btree (status)",
                "CREATE UNIQUE INDEX usage_user_id_key ON public.usage USING btree (user_id)",
                "CREATE INDEX usage_expire_idx ON public.usage USING btree (expire)",
                "CREATE UNIQUE INDEX webhook_event_event_id_key ON public.webhook_event USING btree (event_id)",
                "CREATE INDEX webhook_event_status_idx ON public.webhook_event USING btree (status)",
                "CREATE INDEX webhook_event_event_type_idx ON public.webhook_event USING btree (event_type)",
                "CREATE INDEX webhook_event_created_at_id_idx ON public.webhook_event USING btree (created_at, id)",
                "ALTER TABLE public.project_import ADD CONSTRAINT project_import_source_check CHECK (source = ANY (ARRAY['FIGMA'::text, 'GITHUB'::text]))",
                "ALTER TABLE public.project_import ADD CONSTRAINT project_import_status_check CHECK (status = ANY (ARRAY['PENDING'::text, 'PROCESSING'::text, 'COMPLETE'::text, 'FAILED'::text]))",
                "ALTER TABLE public.oauth_connection ADD CONSTRAINT oauth_connection_provider_check CHECK (provider = ANY (ARRAY['figma'::text, 'github'::text]))",
                "ALTER TABLE public.pending_subscription ADD CONSTRAINT pending_subscription_status_check CHECK (status = ANY (ARRAY['pending'::text, 'resolved'::text, 'failed'::text]))",
                "ALTER TABLE public.subscription ADD CONSTRAINT subscription_provider_check CHECK (provider = ANY (ARRAY['polar'::text, 'manual'::text]))",
                "ALTER TABLE public.subscription ADD CONSTRAINT subscription_plan_tier_check CHECK (plan_tier = ANY (ARRAY['free'::text, 'pro'::text, 'unlimited'::text]))",
                "ALTER TABLE public.subscription ADD CONSTRAINT subscription_status_check CHECK (status = ANY (ARRAY['active'::text, 'past_due'::text, 'canceled'::text, 'unpaid'::text, 'trialing'::text]))",
                'ALTER TABLE public.subscription ADD CONSTRAINT subscription_interval_check CHECK ("interval" = ANY (ARRAY[\'monthly\'::text, \'yearly\'::text]))',
                "ALTER TABLE public.usage ADD CONSTRAINT usage_plan_type_check CHECK (plan_type = ANY (ARRAY['free'::text, 'pro'::text, 'unlimited'::text]))",
                "ALTER TABLE public.webhook_event ADD CONSTRAINT webhook_event_status_check CHECK (status = ANY (ARRAY['received'::text, 'processed'::text, 'failed'::text, 'retrying'::text]))",
            ]
        ),
    ]
