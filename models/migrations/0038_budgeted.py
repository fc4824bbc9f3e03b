from tortoise import migrations
from tortoise.migrations import operations as ops

# Each statement of a volatile function sees what was committed before it, so that what is sent
# while a budget is made has waited for it, and sees it. Of one statement no part would.
BUDGETED = """\
CREATE FUNCTION public.budgeted(owners text[]) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('punnet.budget'), hashtext(owner))
    FROM unnest(owners) AS owner WHERE owner IS NOT NULL;
    RETURN EXISTS (SELECT 1 FROM public.credit_budget WHERE owner_id = ANY (owners));
END $$"""


class Migration(migrations.Migration):
    dependencies = [("models", "0037_charged_owner")]

    operations = [ops.RunSQL(BUDGETED)]
