from tortoise import migrations
from tortoise.migrations import operations as ops
from models.chat.tool_calls import ToolCallState
from models.fields import ChoiceColumn, IntegerColumn, JsonColumn, KeyColumn, TextColumn, TimeColumn
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0021_limits_indexes')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ToolCall',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose call it is.')),
                ('message', fields.ForeignKeyField('models.Message', source_field='message_id', description='Id of the message that it was made for.', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.NO_ACTION)),
                ('number', IntegerColumn(description='Its place among the calls of the message, from 0.', least=0, most=2147483647)),
                ('step', IntegerColumn(description='Which time the model was asked, from 0.', least=0, most=2147483647)),
                ('call_id', TextColumn(description="The call's own id; its parts have it too.", limit=200, blank=False)),
                ('name', TextColumn(description='The tool.', limit=200, blank=False)),
                ('arguments', JsonColumn(null=True, description='What it is called with; null when that was no JSON object.')),
                ('state', ChoiceColumn(description='What became of it.', choices=ToolCallState)),
                ('expires_at', TimeColumn(null=True, description='When it is denied unless decided.')),
                ('decided_by_id', KeyColumn(null=True, description='Id of the user who decided.')),
                ('decided_at', TimeColumn(null=True, description='When it was decided.')),
                ('ended_at', TimeColumn(null=True, description='When its result was kept.')),
            ],
            options={'table': 'tool_call', 'app': 'models', 'pk_attr': 'id', 'table_description': "A model's call of a tool; what it gave is among the message's parts."},
            bases=['Record'],
        ),
    ]
