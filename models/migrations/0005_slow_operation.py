from tortoise import migrations
from tortoise.migrations import operations as ops
from models.fields import IntegerColumn, JsonColumn, KeyColumn, TextColumn, TimeColumn
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0004_indexes_and_checks')]

    initial = False

    operations = [
        ops.CreateModel(
            name='SlowOperation',
            fields=[
                ('row_id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('hash', KeyColumn(description='SHA-256 of the whole document without its literals.')),
                ('name', KeyColumn(description="The operation's name; empty for one without.")),
                ('kind', KeyColumn(description='query or mutation.')),
                ('document', TextColumn(description='The document without its literals.', limit=4000, blank=False)),
                ('viewer', KeyColumn(description='The kind of the latest viewer: signed out, guest or user.')),
                ('codes', JsonColumn(description="The codes of the latest run's errors.")),
                ('statements', IntegerColumn(description='The most statements that one run sent.', least=0, most=2147483647)),
                ('count', IntegerColumn(description='Slow runs.', least=0, most=9223372036854775807)),
                ('total_ms', IntegerColumn(description='Milliseconds that these took together.', least=0, most=9223372036854775807)),
                ('max_ms', IntegerColumn(description='Milliseconds of the longest.', least=0, most=2147483647)),
                ('first_seen', TimeColumn(description='When the first one ended.')),
                ('last_seen', TimeColumn(description='When the latest one ended.')),
            ],
            options={'table': 'slow_operation', 'app': 'models', 'pk_attr': 'row_id', 'table_description': 'The slow runs of one operation, in all processes.'},
            bases=['Model'],
        ),
    ]
