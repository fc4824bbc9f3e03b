from tortoise import migrations
from tortoise.migrations import operations as ops
from models.accounts.user_keys import KeyMode
from models.fields import ChoiceColumn, KeyColumn, SecretColumn, TimeColumn
from models.providing import AnswerError

class Migration(migrations.Migration):
    dependencies = [('models', '0009_organisation_indexes')]

    initial = False

    operations = [
        ops.CreateModel(
            name='UserKey',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose key it is.')),
                ('user_id', KeyColumn(description='Id of the user.')),
                ('provider', KeyColumn(description='The provider, as models name it: `openai`.')),
                ('encrypted_key', SecretColumn(null=True, description='The key, encrypted, with the iv in front.', limit=2000, blank=False, bound=('provider',))),
                ('masked_key', KeyColumn(description="The key's first and last four characters.")),
                ('mode', ChoiceColumn(default=KeyMode.PRIORITY, description="When it goes before the server's.", choices=KeyMode)),
                ('last_used_at', TimeColumn(null=True, description='When it was last used, to a minute.')),
            ],
            options={'table': 'user_key', 'app': 'models', 'pk_attr': 'id', 'table_description': "A user's own key for a provider of models."},
            bases=['Record'],
        ),
        ops.AddField(
            model_name='Message',
            name='error_code',
            field=ChoiceColumn(null=True, description='What its user can mend of that, if anything.', choices=AnswerError),
        ),
        # Tortoise gives no comment to a column that it adds.
        ops.RunSQL(
            [
                "COMMENT ON COLUMN public.message.error_code IS 'What its user can mend of that, if anything.'",
            ]
        ),
    ]
