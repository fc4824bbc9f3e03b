from tortoise import migrations
from tortoise.migrations import operations as ops
from models.fields import BooleanColumn, ChoiceColumn, IntegerColumn, KeyColumn, TextColumn, TimeColumn
from models.files.stored_files import FilePurpose, FileState
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0013_preferences_indexes')]

    initial = False

    operations = [
        ops.CreateModel(
            name='StoredFile',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose file it is.')),
                ('user_id', KeyColumn(description='Id of the user who uploaded it.')),
                ('storage_key', KeyColumn(description='Where its bytes are; for nobody to guess or choose.')),
                ('purpose', ChoiceColumn(description='What it is for.', choices=FilePurpose)),
                ('state', ChoiceColumn(default=FileState.PENDING, description='How far it is.', choices=FileState)),
                ('file_name', TextColumn(description='Its name, a label only.', limit=255, blank=False)),
                ('content_type', KeyColumn(description='Its media type.')),
                ('size', IntegerColumn(description='Its size in bytes.', least=1, most=10485760)),
                ('sha256', KeyColumn(null=True, description='SHA-256 of its bytes, in hexadecimal; null until it is known.')),
                ('width', IntegerColumn(null=True, description='Width in pixels, of an image.', least=1, most=2147483647)),
                ('height', IntegerColumn(null=True, description='Height in pixels, of an image.', least=1, most=2147483647)),
                ('has_thumbnail', BooleanColumn(default=False, description='Whether there is a small picture of it.')),
                ('due_at', TimeColumn(null=True, description='When to look whether anybody still wants it.')),
                ('deleted_at', TimeColumn(null=True, description='When it was given up.')),
            ],
            options={'table': 'stored_file', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A file: its bytes lie in the storage, this is what is known of them.'},
            bases=['Record'],
        ),
        ops.AlterField(
            model_name='User',
            name='avatar_url',
            field=TextColumn(null=True, description='The picture that the identity provider tells of.', limit=2000, blank=False),
        ),
        ops.AddField(
            model_name='User',
            name='avatar_file',
            field=fields.ForeignKeyField('models.StoredFile', source_field='avatar_file_id', null=True, description='Id of their own picture.', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.NO_ACTION),
        ),
    ]
