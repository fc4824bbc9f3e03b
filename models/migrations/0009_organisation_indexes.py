from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0008_organisations")]

    operations = [
        ops.RunSQL(
            [
                'CREATE UNIQUE INDEX api_token_token_hash_key ON public.api_token USING btree (token_hash)',
                'CREATE INDEX api_token_user_id_created_at_id_idx ON public.api_token USING btree (user_id, created_at, id)',
                'CREATE INDEX audit_log_owner_id_at_id_idx ON public.audit_log USING btree (owner_id, at, id)',
                'CREATE UNIQUE INDEX org_slug_part_key ON public.org USING btree (slug) WHERE (deleted_at IS NULL)',
                'CREATE UNIQUE INDEX org_member_org_id_user_id_key ON public.org_member USING btree (org_id, user_id)',
                "CREATE UNIQUE INDEX org_member_org_id_email_part_key ON public.org_member USING btree (org_id, email) WHERE (status = 'invited'::text)",
                'CREATE INDEX org_member_org_id_created_at_id_idx ON public.org_member USING btree (org_id, created_at, id)',
                'CREATE INDEX org_member_user_id_created_at_id_idx ON public.org_member USING btree (user_id, created_at, id)',
                'CREATE UNIQUE INDEX org_member_token_hash_key ON public.org_member USING btree (token_hash)',
                "ALTER TABLE public.audit_log ADD CONSTRAINT audit_log_action_check CHECK (action = ANY (ARRAY['org.created'::text, 'org.changed'::text, 'org.deleted'::text, 'org.transferred'::text, 'org.plan_set'::text, 'member.invited'::text, 'invitation.resent'::text, 'invitation.revoked'::text, 'invitation.declined'::text, 'member.joined'::text, 'member.changed'::text, 'member.removed'::text, 'member.left'::text, 'moved.in'::text, 'moved.out'::text, 'token.created'::text, 'token.revoked'::text, 'user.signed_up'::text, 'user.erased'::text, 'guest.claimed'::text, 'session.opened'::text, 'session.ended'::text, 'password.changed'::text, 'email.changed'::text, 'account.linked'::text, 'account.unlinked'::text, 'operator.granted'::text, 'operator.revoked'::text]))",
                "ALTER TABLE public.org_member ADD CONSTRAINT org_member_role_check CHECK (role = ANY (ARRAY['owner'::text, 'admin'::text, 'editor'::text, 'viewer'::text, 'billing'::text]))",
                "ALTER TABLE public.org_member ADD CONSTRAINT org_member_status_check CHECK (status = ANY (ARRAY['active'::text, 'invited'::text]))",
            ]
        ),
    ]
