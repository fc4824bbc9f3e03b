from tortoise import migrations
from tortoise.migrations import operations as ops

# The ledger only grows: not even who holds the database changes it by mistake.
ONLY_GROWS = [
    """\
CREATE FUNCTION public.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$""",
    """\
CREATE TRIGGER credit_ledger_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE
ON public.credit_ledger FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()""",
]


class Migration(migrations.Migration):
    dependencies = [("models", "0026_credits")]

    operations = [
        ops.RunSQL(
            [
                'ALTER TABLE public.mail DROP CONSTRAINT mail_kind_check',
                'CREATE UNIQUE INDEX credit_budget_owner_id_key ON public.credit_budget USING btree (owner_id)',
                'CREATE UNIQUE INDEX credit_ledger_event_key_key ON public.credit_ledger USING btree (event_key)',
                'CREATE INDEX credit_ledger_owner_id_created_at_id_idx ON public.credit_ledger USING btree (owner_id, created_at, id)',
                "CREATE INDEX credit_ledger_spent_part_idx ON public.credit_ledger USING btree (owner_id, created_at, model) WHERE (event = 'settled'::text)",
                "CREATE INDEX credit_ledger_org_spent_part_idx ON public.credit_ledger USING btree (org_id, created_at, model) WHERE (event = 'settled'::text)",
                'CREATE UNIQUE INDEX credit_reservation_subject_id_key ON public.credit_reservation USING btree (subject_id)',
                'CREATE INDEX credit_reservation_owner_id_created_at_id_idx ON public.credit_reservation USING btree (owner_id, created_at, id)',
                'CREATE INDEX credit_reservation_org_id_created_at_idx ON public.credit_reservation USING btree (org_id, created_at)',
                "CREATE INDEX credit_reservation_created_at_part_idx ON public.credit_reservation USING btree (created_at) WHERE (state = 'open'::text)",
                'ALTER TABLE public.credit_budget ADD CONSTRAINT credit_budget_used_check CHECK (used >= (0)::numeric)',
                'ALTER TABLE public.credit_ledger ADD CONSTRAINT credit_ledger_balance_check CHECK (granted = ((points + reserved) + spent))',
                "ALTER TABLE public.credit_ledger ADD CONSTRAINT credit_ledger_event_check CHECK (event = ANY (ARRAY['granted'::text, 'reserved'::text, 'settled'::text, 'released'::text, 'lapsed'::text, 'reset'::text]))",
                'ALTER TABLE public.credit_reservation ADD CONSTRAINT credit_reservation_cost_check CHECK (cost > (0)::numeric)',
                "ALTER TABLE public.credit_reservation ADD CONSTRAINT credit_reservation_state_check CHECK (state = ANY (ARRAY['open'::text, 'settled'::text, 'released'::text]))",
                "ALTER TABLE public.mail ADD CONSTRAINT mail_kind_check CHECK (kind = ANY (ARRAY['confirm_sign_up'::text, 'already_signed_up'::text, 'confirm_address'::text, 'address_taken'::text, 'address_changed'::text, 'reset_password'::text, 'no_account'::text, 'account_deleted'::text, 'account_linked'::text, 'password_changed'::text, 'invitation'::text, 'budget_warning'::text]))",
                'ALTER TABLE public.usage ADD CONSTRAINT usage_balance_check CHECK (granted = ((points + reserved) + spent))',
                'ALTER TABLE public.usage ADD CONSTRAINT usage_held_check CHECK ((reserved >= (0)::numeric) AND (spent >= (0)::numeric))',
            ]
        ),
        ops.RunSQL(ONLY_GROWS),
    ]
