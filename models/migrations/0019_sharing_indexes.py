from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0018_sharing")]

    operations = [
        ops.RunSQL(
            [
                'ALTER TABLE public.audit_log DROP CONSTRAINT audit_log_action_check',
                'CREATE INDEX feedback_created_at_id_idx ON public.feedback USING btree (created_at, id)',
                'CREATE INDEX feedback_user_id_idx ON public.feedback USING btree (user_id)',
                'CREATE UNIQUE INDEX message_feedback_user_id_message_id_key ON public.message_feedback USING btree (user_id, message_id)',
                'CREATE INDEX message_feedback_message_id_created_at_id_idx ON public.message_feedback USING btree (message_id, created_at, id)',
                'CREATE INDEX message_feedback_owner_id_idx ON public.message_feedback USING btree (owner_id)',
                'CREATE UNIQUE INDEX share_link_token_hash_key ON public.share_link USING btree (token_hash)',
                'CREATE INDEX share_link_conversation_id_created_at_id_idx ON public.share_link USING btree (conversation_id, created_at, id)',
                'CREATE INDEX share_link_owner_id_idx ON public.share_link USING btree (owner_id)',
                "ALTER TABLE public.audit_log ADD CONSTRAINT audit_log_action_check CHECK (action = ANY (ARRAY['org.created'::text, 'org.changed'::text, 'org.deleted'::text, 'org.transferred'::text, 'org.plan_set'::text, 'member.invited'::text, 'invitation.resent'::text, 'invitation.revoked'::text, 'invitation.declined'::text, 'member.joined'::text, 'member.changed'::text, 'member.removed'::text, 'member.left'::text, 'moved.in'::text, 'moved.out'::text, 'token.created'::text, 'token.revoked'::text, 'key.set'::text, 'key.changed'::text, 'key.deleted'::text, 'key.tested'::text, 'user.signed_up'::text, 'user.erased'::text, 'guest.claimed'::text, 'session.opened'::text, 'session.ended'::text, 'password.changed'::text, 'email.changed'::text, 'account.linked'::text, 'account.unlinked'::text, 'link.created'::text, 'link.revoked'::text, 'data.exported'::text, 'operator.granted'::text, 'operator.revoked'::text]))",
                "ALTER TABLE public.message_feedback ADD CONSTRAINT message_feedback_rating_check CHECK ((rating >= '-1'::integer) AND (rating <= 1))",
                "ALTER TABLE public.share_link ADD CONSTRAINT share_link_mode_check CHECK (mode = ANY (ARRAY['public'::text, 'token'::text, 'signed_in'::text, 'named'::text]))",
            ]
        ),
    ]
