from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0016_conversations")]

    operations = [
        ops.RunSQL(
            [
                "COMMENT ON COLUMN public.conversation.title_source IS 'Who gave it its title; null while it has none of its own.'",
                "COMMENT ON COLUMN public.conversation.last_read_order_id IS 'The order of the newest message that was read; null before that.'",
                "COMMENT ON COLUMN public.message.regenerated_from_id IS 'Id of the answer that it was written anew from.'",
                "CREATE INDEX conversation_recent_part_idx ON public.conversation USING btree (owner_id, updated_at, id) WHERE ((status = 'active'::text) AND (pinned_at IS NULL) AND (project_id IS NULL) AND (deleted_at IS NULL))",
                'CREATE INDEX conversation_pinned_part_idx ON public.conversation USING btree (owner_id, pinned_at, id) WHERE ((pinned_at IS NOT NULL) AND (deleted_at IS NULL))',
                "CREATE INDEX conversation_archived_part_idx ON public.conversation USING btree (owner_id, updated_at, id) WHERE ((status = 'archived'::text) AND (deleted_at IS NULL))",
                "CREATE INDEX conversation_filed_part_idx ON public.conversation USING btree (project_id, updated_at, id) WHERE ((NOT main) AND (status = 'active'::text) AND (deleted_at IS NULL))",
                "CREATE INDEX conversation_words_idx ON public.conversation USING gin (((array_to_tsvector(ARRAY[owner_id]) || to_tsvector('simple'::regconfig, COALESCE(title, ''::text)))))",
                "CREATE INDEX message_unfinished_part_idx ON public.message USING btree (conversation_id) WHERE (status <> 'COMPLETE'::text)",
                'CREATE UNIQUE INDEX message_siblings_key ON public.message USING btree (COALESCE(parent_id, conversation_id), branch_index)',
                'CREATE INDEX message_words_idx ON public.message USING gin (((array_to_tsvector(ARRAY[owner_id]) || to_tsvector(\'simple\'::regconfig, "left"(content, 50000)))))',
                "ALTER TABLE public.conversation ADD CONSTRAINT conversation_title_source_check CHECK (title_source = ANY (ARRAY['user'::text, 'model'::text]))",
            ]
        ),
    ]
