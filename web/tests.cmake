# Included once the program is a target.
find_program(NODE node)
function(slipstream_node_test name label file)
  add_test(NAME ${name} COMMAND ${NODE} --test ${CMAKE_SOURCE_DIR}/web/test/${file})
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 600
    ENVIRONMENT "SLIPSTREAM_BIN=$<TARGET_FILE:slipstream>")
endfunction()
slipstream_node_test(browser.wall browser page/wall.test.mjs)
slipstream_node_test(browser.survives browser page/survive.test.mjs)
slipstream_node_test(browser.demo browser page/demo.test.mjs)
slipstream_node_test(browser.websocket browser chromium.test.mjs)
slipstream_node_test(live.protocol integration live.test.mjs)
slipstream_node_test(live.errors integration errors.test.mjs)
slipstream_node_test(live.closing integration close.test.mjs)
slipstream_node_test(live.members integration members.test.mjs)
slipstream_node_test(live.resume integration resume.test.mjs)
slipstream_node_test(live.silence integration silence.test.mjs)
slipstream_node_test(security.websocket integration edge.test.mjs)
slipstream_node_test(clients.influx integration influx.test.mjs)
slipstream_node_test(clients.foxglove integration foxglove.test.mjs)

# The page's own code, without a browser.
add_test(NAME web.unit COMMAND ${NPM} run --silent unit WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/web)
add_test(NAME web.lint COMMAND ${NPM} run --silent lint WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/web)
set_tests_properties(web.unit web.lint PROPERTIES LABELS unit)

add_test(NAME docs.api COMMAND sh -c "${NODE} ${CMAKE_SOURCE_DIR}/api/page.mjs | diff - ${CMAKE_SOURCE_DIR}/docs/api.md")
set_tests_properties(docs.api PROPERTIES LABELS unit)

# Clients for Python are in an environment of their own, which ./dev test makes where it can: without it the test is
# skipped, and says so.
function(slipstream_python_test name file)
  add_test(NAME ${name} COMMAND ${CMAKE_SOURCE_DIR}/tests/clients/run ${file} $<TARGET_FILE:slipstream>)
  set_tests_properties(${name} PROPERTIES LABELS integration TIMEOUT 600 SKIP_RETURN_CODE 77)
endfunction()
slipstream_python_test(clients.influx_python influx_clients.py)
slipstream_python_test(clients.mcap mcap_files.py)
slipstream_python_test(clients.api_description api_description.py)
slipstream_python_test(clients.python_docs python_docs.py)
slipstream_python_test(clients.mcap_replay mcap_replay.py)
slipstream_python_test(clients.ibt ibt_files.py)
slipstream_python_test(clients.export_bars export_bars.py)
slipstream_python_test(clients.traces traces.py)
