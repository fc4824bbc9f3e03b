from tortoise import migrations
from tortoise.migrations import operations as ops
from models.chat.messages import MessageOutcome
from models.fields import ChoiceColumn, IntegerColumn, KeyColumn, TextColumn, TimeColumn

# Tortoise gives no comment to a column that it adds.
COMMENTS = [
    "COMMENT ON COLUMN public.project_import.bytes_done IS 'Bytes read so far.'",
    "COMMENT ON COLUMN public.project_import.bytes_total IS 'Bytes to read; null where the source does not tell.'",
    "COMMENT ON COLUMN public.project_import.completed_at IS 'When it ended.'",
    "COMMENT ON COLUMN public.project_import.due_at IS 'When a worker may take it, the one that holds it apart; null when none is to.'",
    "COMMENT ON COLUMN public.project_import.files_done IS 'Files taken so far.'",
    "COMMENT ON COLUMN public.project_import.fragment_id IS 'Id of the fragment that has its files.'",
    "COMMENT ON COLUMN public.project_import.outcome IS 'How it ended; null until then.'",
    "COMMENT ON COLUMN public.project_import.ref IS 'The branch, tag or commit that was asked for; null for what the source shows first.'",
    "COMMENT ON COLUMN public.project_import.tries IS 'How often it was begun.'",
    "COMMENT ON COLUMN public.project_import.worker IS 'Who carries it out.'",
]


class Migration(migrations.Migration):
    dependencies = [("models", "0033_connections_indexes")]

    initial = False

    operations = [
        ops.AddField(
            model_name='Import',
            name='bytes_done',
            field=IntegerColumn(default=0, description='Bytes read so far.', least=0, most=2147483647),
        ),
        ops.AddField(
            model_name='Import',
            name='bytes_total',
            field=IntegerColumn(null=True, description='Bytes to read; null where the source does not tell.', least=0, most=2147483647),
        ),
        ops.AddField(
            model_name='Import',
            name='completed_at',
            field=TimeColumn(null=True, description='When it ended.'),
        ),
        ops.AddField(
            model_name='Import',
            name='due_at',
            field=TimeColumn(null=True, description='When a worker may take it, the one that holds it apart; null when none is to.'),
        ),
        ops.AddField(
            model_name='Import',
            name='files_done',
            field=IntegerColumn(default=0, description='Files taken so far.', least=0, most=2147483647),
        ),
        ops.AddField(
            model_name='Import',
            name='fragment_id',
            field=KeyColumn(null=True, description='Id of the fragment that has its files.'),
        ),
        ops.AddField(
            model_name='Import',
            name='outcome',
            field=ChoiceColumn(null=True, description='How it ended; null until then.', choices=MessageOutcome),
        ),
        ops.AddField(
            model_name='Import',
            name='ref',
            field=TextColumn(null=True, description='The branch, tag or commit that was asked for; null for what the source shows first.', limit=255, blank=False),
        ),
        ops.AddField(
            model_name='Import',
            name='tries',
            field=IntegerColumn(default=0, description='How often it was begun.', least=0, most=2147483647),
        ),
        ops.AddField(
            model_name='Import',
            name='worker',
            field=KeyColumn(null=True, description='Who carries it out.'),
        ),
        ops.RunSQL(COMMENTS),
    ]
