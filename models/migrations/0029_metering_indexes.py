from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0028_metering")]

    operations = [
        ops.RunSQL(
            [
                'ALTER TABLE public.audit_log DROP CONSTRAINT audit_log_action_check',
                'CREATE INDEX invoice_owner_id_billing_period_id_idx ON public.invoice USING btree (owner_id, billing_period, id)',
                'CREATE UNIQUE INDEX invoice_org_id_billing_period_key ON public.invoice USING btree (org_id, billing_period)',
                "CREATE INDEX invoice_billing_period_id_part_idx ON public.invoice USING btree (billing_period, id) WHERE (status = 'open'::text)",
                'CREATE INDEX usage_event_owner_id_created_at_id_idx ON public.usage_event USING btree (owner_id, created_at, id)',
                'CREATE INDEX usage_event_billing_period_owner_id_idx ON public.usage_event USING btree (billing_period, owner_id)',
                'CREATE INDEX usage_event_billing_period_agent_id_idx ON public.usage_event USING btree (billing_period, agent_id)',
                'CREATE INDEX usage_event_user_id_created_at_id_idx ON public.usage_event USING btree (user_id, created_at, id)',
                "ALTER TABLE public.audit_log ADD CONSTRAINT audit_log_action_check CHECK (action = ANY (ARRAY['org.created'::text, 'org.changed'::text, 'org.deleted'::text, 'org.transferred'::text, 'org.plan_set'::text, 'member.invited'::text, 'invitation.resent'::text, 'invitation.revoked'::text, 'invitation.declined'::text, 'member.joined'::text, 'member.changed'::text, 'member.removed'::text, 'member.left'::text, 'moved.in'::text, 'moved.out'::text, 'token.created'::text, 'token.revoked'::text, 'key.set'::text, 'key.changed'::text, 'key.deleted'::text, 'key.tested'::text, 'user.signed_up'::text, 'user.erased'::text, 'guest.claimed'::text, 'session.opened'::text, 'session.ended'::text, 'password.changed'::text, 'email.changed'::text, 'account.linked'::text, 'account.unlinked'::text, 'link.created'::text, 'link.revoked'::text, 'data.exported'::text, 'period.closed'::text, 'invoice.settled'::text, 'operator.granted'::text, 'operator.revoked'::text]))",
                "ALTER TABLE public.invoice ADD CONSTRAINT invoice_status_check CHECK (status = ANY (ARRAY['open'::text, 'issued'::text, 'paid'::text, 'void'::text]))",
                "ALTER TABLE public.usage_event ADD CONSTRAINT usage_event_metric_check CHECK (metric = ANY (ARRAY['ai_tokens'::text, 'ai_requests'::text, 'documents'::text, 'storage_bytes'::text]))",
            ]
        ),
    ]
