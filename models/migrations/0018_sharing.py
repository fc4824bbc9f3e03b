from tortoise import migrations
from tortoise.migrations import operations as ops
from models.chat.share_links import ShareMode
from models.fields import ChoiceColumn, DigestColumn, IntegerColumn, JsonColumn, KeyColumn, TextColumn, TimeColumn
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0017_conversation_indexes')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Feedback',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('user_id', KeyColumn(description='Id of the user, or guest, who said it.')),
                ('message', TextColumn(description='What they say.', limit=10000, blank=False)),
            ],
            options={'table': 'feedback', 'app': 'models', 'pk_attr': 'id', 'table_description': 'What a user says of the product.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='MessageFeedback',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose message it is.')),
                ('message', fields.ForeignKeyField('models.Message', source_field='message_id', description='Id of the message.', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.NO_ACTION)),
                ('user_id', KeyColumn(description='Id of the user who rates it.')),
                ('rating', IntegerColumn(description='-1 for bad, 1 for good, 0 for neither.', least=-1, most=1)),
                ('comment', TextColumn(null=True, description='What they say to it.', limit=2000, blank=False)),
            ],
            options={'table': 'message_feedback', 'app': 'models', 'pk_attr': 'id', 'table_description': 'What a user thinks of a message.'},
            bases=['Record'],
        ),
        ops.CreateModel(
            name='ShareLink',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose link it is.')),
                ('conversation', fields.ForeignKeyField('models.Conversation', source_field='conversation_id', description='Id of the conversation it shows.', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.NO_ACTION)),
                ('message_id', KeyColumn(null=True, description='Id of the last message it shows; null: all that is on the selected branch.')),
                ('user_id', KeyColumn(null=True, description='Id of the user who made it.')),
                ('mode', ChoiceColumn(description='Whom it lets in.', choices=ShareMode)),
                ('people', JsonColumn(default=[], description='The addresses of those whom a link for named people lets in.')),
                ('token_hash', DigestColumn(null=True, description='SHA-256 of the token.', limit=64, blank=False, bound=())),
                ('expires_at', TimeColumn(null=True, description='When it ends; null: never.')),
            ],
            options={'table': 'share_link', 'app': 'models', 'pk_attr': 'id', 'table_description': 'What lets others read one branch of a conversation.'},
            bases=['Record'],
        ),
    ]
