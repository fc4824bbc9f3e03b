from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0012_preferences")]

    operations = [
        ops.RunSQL(
            [
                'ALTER TABLE public.audit_log DROP CONSTRAINT audit_log_action_check',
                "ALTER TABLE public.audit_log ADD CONSTRAINT audit_log_action_check CHECK (action = ANY (ARRAY['org.created'::text, 'org.changed'::text, 'org.deleted'::text, 'org.transferred'::text, 'org.plan_set'::text, 'member.invited'::text, 'invitation.resent'::text, 'invitation.revoked'::text, 'invitation.declined'::text, 'member.joined'::text, 'member.changed'::text, 'member.removed'::text, 'member.left'::text, 'moved.in'::text, 'moved.out'::text, 'token.created'::text, 'token.revoked'::text, 'key.set'::text, 'key.changed'::text, 'key.deleted'::text, 'key.tested'::text, 'user.signed_up'::text, 'user.erased'::text, 'guest.claimed'::text, 'session.opened'::text, 'session.ended'::text, 'password.changed'::text, 'email.changed'::text, 'account.linked'::text, 'account.unlinked'::text, 'data.exported'::text, 'operator.granted'::text, 'operator.revoked'::text]))",
                'DROP INDEX public.org_member_org_id_email_part_key',
                "CREATE UNIQUE INDEX org_member_email_org_id_part_key ON public.org_member USING btree (email, org_id) WHERE (status = 'invited'::text)",
                'CREATE UNIQUE INDEX user_preferences_user_id_key ON public.user_preferences USING btree (user_id)',
                # Those who were there before begin with the defaults too.
                """\
INSERT INTO user_preferences (id, created_at, updated_at, owner_id, user_id, layout,
    prompt_suggestions, show_tool_invocations, show_conversation_previews, multi_model_enabled,
    hidden_models, default_model, preferred_locale, output_tone, marketing_opt_in)
SELECT 'prf' || substr(id, 4), now(), now(), id, id, 'fullscreen', true, true, true, false, '[]',
    'mock:raypx-1', 'en-US', 'professional', false
FROM user_account WHERE deleted_at IS NULL""",
            ]
        ),
    ]
