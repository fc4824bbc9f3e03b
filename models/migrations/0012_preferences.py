from tortoise import migrations
from tortoise.migrations import operations as ops
from models.fields import BooleanColumn, JsonColumn, KeyColumn, TextColumn, TimeColumn

class Migration(migrations.Migration):
    dependencies = [('models', '0011_user_key_indexes')]

    initial = False

    operations = [
        ops.CreateModel(
            name='UserPreferences',
            fields=[
                ('id', KeyColumn(primary_key=True, unique=True, db_index=True, description='Its id, which says what it is and sorts by time.')),
                ('created_at', TimeColumn(description='When it was made.')),
                ('updated_at', TimeColumn(description='When it last changed.')),
                ('owner_id', KeyColumn(description='Whose preferences they are.')),
                ('user_id', KeyColumn(description='Id of the user.')),
                ('layout', TextColumn(default='fullscreen', description='How the front end is laid out, a word of its own.', limit=50, blank=False)),
                ('prompt_suggestions', BooleanColumn(default=True, description='Whether prompts are suggested.')),
                ('show_tool_invocations', BooleanColumn(default=True, description='Whether calls of tools are shown.')),
                ('show_conversation_previews', BooleanColumn(default=True, description='Whether lists of conversations show their beginnings.')),
                ('multi_model_enabled', BooleanColumn(default=False, description='Whether several models may be asked at once.')),
                ('hidden_models', JsonColumn(default=[], description='Ids of models that are not offered.')),
                ('default_model', TextColumn(default='mock:raypx-1', description='The model to use when none is named.', limit=200, blank=False)),
                ('preferred_locale', TextColumn(default='en-US', description='The language to use, a tag of BCP 47.', limit=35, blank=False)),
                ('output_tone', TextColumn(default='professional', description='How answers sound.', limit=50, blank=False)),
                ('marketing_opt_in', BooleanColumn(default=False, description='Whether the user wants news by mail.')),
            ],
            options={'table': 'user_preferences', 'app': 'models', 'pk_attr': 'id', 'table_description': 'What a user has chosen. Each user has one row from the start, guests too.'},
            bases=['Record'],
        ),
    ]
