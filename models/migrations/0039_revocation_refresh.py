from tortoise import migrations
from tortoise.migrations import operations as ops
from models.fields import SecretColumn, TimeColumn

# Tortoise gives no comment to a column that it adds.
COMMENTS = [
    "COMMENT ON COLUMN public.oauth_revocation.refresh_token IS 'Brings a new token.'",
    "COMMENT ON COLUMN public.oauth_revocation.expires_at IS 'When the token ends.'",
]


class Migration(migrations.Migration):
    dependencies = [("models", "0038_budgeted")]

    initial = False

    operations = [
        ops.AddField(
            model_name='OAuthRevocation',
            name='refresh_token',
            field=SecretColumn(null=True, description='Brings a new token.', limit=20000, blank=False, bound=()),
        ),
        ops.AddField(
            model_name='OAuthRevocation',
            name='expires_at',
            field=TimeColumn(null=True, description='When the token ends.'),
        ),
        ops.RunSQL(COMMENTS),
    ]
