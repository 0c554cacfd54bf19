# Renders the frame of this task: run-blender.sh of the image reads what to do from /golem/work/params.json.
set -e
cp "$SOVR_EACH" /golem/work/params.json
/golem/entrypoints/run-blender.sh
rm /golem/work/params.json
