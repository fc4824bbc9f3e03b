from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0010_user_keys")]

    operations = [
        ops.RunSQL(
            [
                'ALTER TABLE public.audit_log DROP CONSTRAINT audit_log_action_check',
                'CREATE UNIQUE INDEX user_key_user_id_provider_key ON public.user_key USING btree (user_id, provider)',
                "ALTER TABLE public.audit_log ADD CONSTRAINT audit_log_action_check CHECK (action = ANY (ARRAY['org.created'::text, 'org.changed'::text, 'org.deleted'::text, 'org.transferred'::text, 'org.plan_set'::text, 'member.invited'::text, 'invitation.resent'::text, 'invitation.revoked'::text, 'invitation.declined'::text, 'member.joined'::text, 'member.changed'::text, 'member.removed'::text, 'member.left'::text, 'moved.in'::text, 'moved.out'::text, 'token.created'::text, 'token.revoked'::text, 'key.set'::text, 'key.changed'::text, 'key.deleted'::text, 'key.tested'::text, 'user.signed_up'::text, 'user.erased'::text, 'guest.claimed'::text, 'session.opened'::text, 'session.ended'::text, 'password.changed'::text, 'email.changed'::text, 'account.linked'::text, 'account.unlinked'::text, 'operator.granted'::text, 'operator.revoked'::text]))",
                "ALTER TABLE public.message ADD CONSTRAINT message_error_code_check CHECK (error_code = ANY (ARRAY['KEY_REFUSED'::text, 'KEY_MISSING'::text]))",
                "ALTER TABLE public.user_key ADD CONSTRAINT user_key_mode_check CHECK (mode = ANY (ARRAY['priority'::text, 'fallback'::text]))",
            ]
        ),
    ]
