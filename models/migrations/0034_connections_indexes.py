from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0033_connections")]

    operations = [
        ops.RunSQL(
            [
                'ALTER TABLE public.audit_log DROP CONSTRAINT audit_log_action_check',
                'CREATE INDEX oauth_revocation_due_at_idx ON public.oauth_revocation USING btree (due_at)',
                "ALTER TABLE public.audit_log ADD CONSTRAINT audit_log_action_check CHECK (action = ANY (ARRAY['org.created'::text, 'org.changed'::text, 'org.deleted'::text, 'org.transferred'::text, 'org.plan_set'::text, 'member.invited'::text, 'invitation.resent'::text, 'invitation.revoked'::text, 'invitation.declined'::text, 'member.joined'::text, 'member.changed'::text, 'member.removed'::text, 'member.left'::text, 'moved.in'::text, 'moved.out'::text, 'token.created'::text, 'token.revoked'::text, 'key.set'::text, 'key.changed'::text, 'key.deleted'::text, 'key.tested'::text, 'user.signed_up'::text, 'user.erased'::text, 'guest.claimed'::text, 'session.opened'::text, 'session.ended'::text, 'password.changed'::text, 'email.changed'::text, 'account.linked'::text, 'account.unlinked'::text, 'service.connected'::text, 'service.disconnected'::text, 'link.created'::text, 'link.revoked'::text, 'data.exported'::text, 'operator.granted'::text, 'operator.revoked'::text]))",
                "ALTER TABLE public.oauth_revocation ADD CONSTRAINT oauth_revocation_provider_check CHECK (provider = ANY (ARRAY['figma'::text, 'github'::text]))",
            ]
        ),
    ]
