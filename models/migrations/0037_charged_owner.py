from tortoise import migrations
from tortoise.migrations import operations as ops
from models.fields import KeyColumn

# Tortoise gives no comment to a column that it adds.
COMMENT = "COMMENT ON COLUMN public.generation.org_id IS 'Id of the organisation that is charged for it, also once it is moved; null for the user.'"
# What was asked for before is charged where it is now.
CHARGED = "UPDATE generation SET org_id = owner_id WHERE starts_with(owner_id, 'org_')"


class Migration(migrations.Migration):
    dependencies = [("models", "0036_audit_actions")]

    initial = False

    operations = [
        ops.AddField(
            model_name='Generation',
            name='org_id',
            field=KeyColumn(null=True, description='Id of the organisation that is charged for it, also once it is moved; null for the user.'),
        ),
        ops.RunSQL([COMMENT, CHARGED]),
    ]
