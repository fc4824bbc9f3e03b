from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0031_polar")]

    operations = [
        ops.RunSQL(
            [
                'ALTER TABLE public.audit_log DROP CONSTRAINT audit_log_action_check',
                "CREATE INDEX pending_subscription_external_id_part_idx ON public.pending_subscription USING btree (external_id) WHERE (status = 'pending'::text)",
                'CREATE INDEX subscription_lapses_at_part_idx ON public.subscription USING btree (lapses_at) WHERE (lapses_at IS NOT NULL)',
                "CREATE INDEX webhook_event_failed_part_idx ON public.webhook_event USING btree (created_at, id) WHERE (status = 'failed'::text)",
                'CREATE INDEX webhook_event_try_at_part_idx ON public.webhook_event USING btree (try_at) WHERE (try_at IS NOT NULL)',
                "ALTER TABLE public.audit_log ADD CONSTRAINT audit_log_action_check CHECK (action = ANY (ARRAY['org.created'::text, 'org.changed'::text, 'org.deleted'::text, 'org.transferred'::text, 'org.plan_set'::text, 'member.invited'::text, 'invitation.resent'::text, 'invitation.revoked'::text, 'invitation.declined'::text, 'member.joined'::text, 'member.changed'::text, 'member.removed'::text, 'member.left'::text, 'moved.in'::text, 'moved.out'::text, 'token.created'::text, 'token.revoked'::text, 'key.set'::text, 'key.changed'::text, 'key.deleted'::text, 'key.tested'::text, 'user.signed_up'::text, 'user.erased'::text, 'guest.claimed'::text, 'session.opened'::text, 'session.ended'::text, 'password.changed'::text, 'email.changed'::text, 'account.linked'::text, 'account.unlinked'::text, 'link.created'::text, 'link.revoked'::text, 'data.exported'::text, 'subscription.granted'::text, 'subscription.ended'::text, 'subscription.reconciled'::text, 'subscription.resolved'::text, 'webhook.replayed'::text, 'operator.granted'::text, 'operator.revoked'::text]))",
                "ALTER TABLE public.pending_subscription ADD CONSTRAINT pending_subscription_plan_tier_check CHECK (plan_tier = ANY (ARRAY['free'::text, 'pro'::text, 'unlimited'::text]))",
                "ALTER TABLE public.webhook_event ADD CONSTRAINT webhook_event_source_check CHECK (source = ANY (ARRAY['polar'::text, 'identity'::text]))",
            ]
        ),
    ]
