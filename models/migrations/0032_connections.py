from tortoise import migrations
from tortoise.migrations import operations as ops
from models.accounts.oauth_connections import OAuthProvider
from models.fields import ChoiceColumn, IntegerColumn, KeyColumn, SecretColumn, TimeColumn

# Tortoise gives no comment to a column that it adds.
COMMENTS = [
    "COMMENT ON COLUMN public.oauth_connection.refused_at IS 'When the provider refused it for good; null while it can be used.'",
    "COMMENT ON COLUMN public.oauth_connection.renewing_until IS 'Until when whoever renews the token has the right to.'",
]


class Migration(migrations.Migration):
    dependencies = [("models", "0031_polar_indexes")]

    initial = False

    operations = [
        ops.CreateModel(
            name='OAuthRevocation',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose connection it was.')),
                ('provider', ChoiceColumn(description='Who gave it.', choices=OAuthProvider)),
                ('access_token', SecretColumn(null=True, description='The token.', limit=20000, blank=False, bound=())),
                ('tries', IntegerColumn(default=0, description='How often the provider was told.', least=0, most=2147483647)),
                ('due_at', TimeColumn(description='When it is told next.')),
            ],
            options={'table': 'oauth_revocation', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A token that its provider is to forget.'},
            bases=['Record'],
        ),
        ops.AddField(
            model_name='OAuthConnection',
            name='refused_at',
            field=TimeColumn(null=True, description='When the provider refused it for good; null while it can be used.'),
        ),
        ops.AddField(
            model_name='OAuthConnection',
            name='renewing_until',
            field=TimeColumn(null=True, description='Until when whoever renews the token has the right to.'),
        ),
        ops.RunSQL(COMMENTS),
    ]
