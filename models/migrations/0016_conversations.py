from tortoise import migrations
from tortoise.migrations import operations as ops
from models.chat.conversations import TitleSource
from models.fields import ChoiceColumn, IntegerColumn, KeyColumn

class Migration(migrations.Migration):
    dependencies = [('models', '0015_stored_file_indexes')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Conversation',
            name='last_read_order_id',
            field=IntegerColumn(null=True, description='The order of the newest message that was read; null before that.', least=0, most=2147483647),
        ),
        ops.AddField(
            model_name='Conversation',
            name='title_source',
            field=ChoiceColumn(null=True, description='Who gave it its title; null while it has none of its own.', choices=TitleSource),
        ),
        ops.AddField(
            model_name='Message',
            name='regenerated_from_id',
            field=KeyColumn(null=True, description='Id of the answer that it was written anew from.'),
        ),
    ]
