from tortoise import migrations
from tortoise.migrations import operations as ops
from models.fields import IntegerColumn, KeyColumn, TextColumn, TimeColumn
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0019_sharing_indexes')]

    initial = False

    operations = [
        ops.CreateModel(
            name='AnonymousUsage',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('anonymous_id', KeyColumn(description="Who is counted: a guest's id, or `ip_<address>`.")),
                ('daily_message_count', IntegerColumn(default=0, description='Messages sent that day.', least=0, most=2147483647)),
                ('daily_reset', TimeColumn(null=True, description='When that day began.')),
            ],
            options={'table': 'anonymous_usage', 'app': 'models', 'pk_attr': 'id', 'table_description': 'How many messages guests of one id, or from one address, have sent today.'},
            bases=['Record'],
        ),
        ops.AlterField(
            model_name='Attachment',
            name='url',
            field=TextColumn(null=True, description='Where it is, by http or https; null for an upload.', limit=2000, blank=False),
        ),
        ops.AddField(
            model_name='Attachment',
            name='stored_file',
            field=fields.ForeignKeyField('models.StoredFile', source_field='stored_file_id', null=True, description='Id of the upload it shows.', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.NO_ACTION),
        ),
    ]
