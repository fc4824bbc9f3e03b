from tortoise import migrations
from tortoise.migrations import operations as ops
from models.chat.deletion import DeletionKind
from models.fields import ChoiceColumn, IntegerColumn, KeyColumn, TextColumn

# Tortoise gives no comment to a column that it adds.
COMMENTS = [
    "COMMENT ON COLUMN public.deletion_job.conversation_id IS 'Id of the conversation that deleted messages belong to.'",
    "COMMENT ON COLUMN public.deletion_job.kind IS 'What was deleted.'",
    "COMMENT ON COLUMN public.deletion_job.parent_id IS 'Id of the message that a deleted one followed.'",
    "COMMENT ON COLUMN public.deletion_job.subject_id IS 'Id of the project, conversation or message; of cleared messages, of their conversation.'",
    "COMMENT ON COLUMN public.deletion_job.title IS 'What it was called, or how a message began; null once it is gone for good.'",
    "COMMENT ON COLUMN public.deletion_job.total_rows IS 'About how many there were when the emptying began; null before that.'",
    "COMMENT ON COLUMN public.share_link.places IS 'The orders of what it shows, an int8multirange; null where it is not frozen.'",
    "COMMENT ON TABLE public.deletion_job IS 'A deletion: the emptying of one root, due when its retention has passed.'",
]
KINDS = """\
UPDATE deletion_job SET subject_id = root_id, kind = CASE substr(root_id, 1, 4)
    WHEN 'prj_' THEN 'project' WHEN 'org_' THEN 'org' WHEN 'usr_' THEN 'user' ELSE 'conversation'
END"""
PLACES = """\
UPDATE share_link s SET places = (
    WITH RECURSIVE up AS (
        SELECT parent_id, order_id FROM message WHERE id = s.message_id
        UNION ALL
        SELECT m.parent_id, m.order_id FROM up JOIN message m ON m.id = up.parent_id
    )
    SELECT range_agg(int8range(order_id, order_id + 1))::text FROM up
) WHERE message_id IS NOT NULL"""


class Migration(migrations.Migration):
    dependencies = [('models', '0023_tools_indexes')]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name='DeletionJob',
            options={'table': 'deletion_job', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A deletion: the emptying of one root, due when its retention has passed.'},
        ),
        ops.AddField(
            model_name='DeletionJob',
            name='conversation_id',
            field=KeyColumn(null=True, description='Id of the conversation that deleted messages belong to.'),
        ),
        ops.AddField(
            model_name='DeletionJob',
            name='kind',
            field=ChoiceColumn(null=True, description='What was deleted.', choices=DeletionKind),
        ),
        ops.AddField(
            model_name='DeletionJob',
            name='parent_id',
            field=KeyColumn(null=True, description='Id of the message that a deleted one followed.'),
        ),
        ops.AddField(
            model_name='DeletionJob',
            name='subject_id',
            field=KeyColumn(null=True, description='Id of the project, conversation or message; of cleared messages, of their conversation.'),
        ),
        ops.AddField(
            model_name='DeletionJob',
            name='title',
            field=TextColumn(null=True, description='What it was called, or how a message began; null once it is gone for good.', limit=200, blank=False),
        ),
        ops.AddField(
            model_name='DeletionJob',
            name='total_rows',
            field=IntegerColumn(null=True, description='About how many there were when the emptying began; null before that.', least=0, most=9007199254740992),
        ),
        ops.AddField(
            model_name='ShareLink',
            name='places',
            field=TextColumn(null=True, description='The orders of what it shows, an int8multirange; null where it is not frozen.', limit=20000000, blank=False),
        ),
        ops.RunSQL([*COMMENTS, KINDS, PLACES]),
        ops.AlterField(
            model_name='DeletionJob',
            name='kind',
            field=ChoiceColumn(description='What was deleted.', choices=DeletionKind),
        ),
        ops.AlterField(
            model_name='DeletionJob',
            name='subject_id',
            field=KeyColumn(description='Id of the project, conversation or message; of cleared messages, of their conversation.'),
        ),
    ]
